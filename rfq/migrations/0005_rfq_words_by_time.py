import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("rfq", "0004_score_outlook"),
    ]

    operations = [
        # A composite primary key cannot be migrated to; the words follow from the RFQs.
        migrations.DeleteModel(name="RfqWord"),
        migrations.CreateModel(
            name="RfqWord",
            fields=[
                ("pk", models.CompositePrimaryKey("word", "posted", "rfq", blank=True, editable=False, primary_key=True, serialize=False)),
                ("word", models.CharField(max_length=40)),
                ("posted", models.BigIntegerField()),
                ("rfq", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="words", to="rfq.rfq")),
            ],
            options={
                "indexes": [models.Index(fields=["rfq", "word"], name="rfq_word_of")],
            },
        ),
        migrations.AlterField(
            model_name="rfq",
            name="category",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="portal.category", verbose_name="category"),
        ),
        migrations.RemoveIndex(model_name="rfq", name="rfq_grade"),
        migrations.AddIndex(
            model_name="rfq",
            index=models.Index(condition=models.Q(("status", "open")), fields=["grade", "-posted_at", "-id"], name="rfq_grade"),
        ),
    ]
