import django.db.models.deletion
from django.db import migrations, models

import portal.platform_time


class Migration(migrations.Migration):

    dependencies = [
        ("rfq", "0002_follow_up_reply"),
    ]

    operations = [
        # A composite primary key cannot be migrated to; the words follow from the RFQs.
        migrations.DeleteModel(name="RfqWord"),
        migrations.CreateModel(
            name="RfqWord",
            fields=[
                ("pk", models.CompositePrimaryKey("word", "rfq", blank=True, editable=False, primary_key=True, serialize=False)),
                ("word", models.CharField(max_length=40)),
                ("rfq", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="words", to="rfq.rfq")),
            ],
        ),
        migrations.AddField(
            model_name="rfq",
            name="listed_at",
            field=models.DateTimeField(default=portal.platform_time.now, editable=False, verbose_name="listed"),
        ),
        migrations.AddIndex(
            model_name="rfq",
            index=models.Index(condition=models.Q(("status", "open"), models.Q(("grade", "standard"), _negated=True)), fields=["grade", "-posted_at", "-id"], name="rfq_grade"),
        ),
        migrations.AddIndex(
            model_name="rfq",
            index=models.Index(condition=models.Q(("status", "open")), fields=["listed_at"], name="rfq_listed"),
        ),
    ]
