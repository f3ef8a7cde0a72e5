from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0004_rescreening"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="gateblock",
            options={
                "ordering": ["-last_at", "-pk"],
                "permissions": [("ask_gate", "Can ask the trade gate")],
                "verbose_name": "blocked trade",
                "verbose_name_plural": "blocked trades",
            },
        ),
    ]
