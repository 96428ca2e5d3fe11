from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("django_jwtauth", "0002_kinds"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="loginsession",
            options={
                "default_permissions": ("view",),
                "permissions": (
                    ("end_sessions", "Can end sign-ins"),
                    ("end_all_sessions", "Can end the sign-ins of everybody at once"),
                    ("create_api_token", "Can make API tokens for users"),
                ),
                "verbose_name": "sign-in",
                "verbose_name_plural": "sign-ins",
            },
        ),
    ]
