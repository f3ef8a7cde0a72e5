"""Notes of each assessed star which night fixed it; of those there are, that of its own day."""

from typing import Any

from django.db import migrations, models
from django.db.models import F


def fixed_by_its_own_night(apps: Any, schema_editor: Any) -> None:
    assessments = apps.get_model("growth", "StarAssessment")._base_manager
    assessments.filter(night=None).update(night=F("as_of"))


class Migration(migrations.Migration):
    dependencies = [
        ("growth", "0002_renewal_over"),
    ]

    operations = [
        migrations.AddField(
            model_name="starassessment",
            name="night",
            field=models.DateField(null=True, verbose_name="computed with"),
        ),
        migrations.RunPython(fixed_by_its_own_night, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="starassessment",
            name="night",
            field=models.DateField(verbose_name="computed with"),
        ),
    ]
