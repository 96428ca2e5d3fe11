"""Mail for people who read it in a terminal."""

from django.core.mail import EmailMessage
from django.core.mail.backends.console import EmailBackend


class TerminalBackend(EmailBackend):
    """Django's for the console, without the encoding that breaks a long link into lines."""

    def write_message(self, message: EmailMessage) -> None:
        to = ", ".join(message.to)
        self.stream.write(f"To: {to}\nSubject: {message.subject}\n\n{message.body}\n")
