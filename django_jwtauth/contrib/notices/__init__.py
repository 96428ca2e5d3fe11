"""An app that mails users about new devices, changed passwords and API tokens.

Each mail has a link with which its reader ends what was not them.
"""
