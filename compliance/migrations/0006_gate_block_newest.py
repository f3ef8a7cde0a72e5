from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0005_ask_gate"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="gateblock",
            index=models.Index(fields=["-last_at", "-id"], name="gate_block_newest"),
        ),
    ]
