"""Routes of programmes."""

from django.urls import path

from growth.api import programmes

urlpatterns = [
    path("programmes", programmes.ProgrammeListView.as_view(), name="programmes"),
    path("programmes/<str:code>", programmes.ProgrammeView.as_view(), name="programme"),
    path(
        "programmes/<str:code>/enrol",
        programmes.ProgrammeEnrolView.as_view(),
        name="programme-enrol",
    ),
    path(
        "programmes/<str:code>/leave",
        programmes.ProgrammeLeaveView.as_view(),
        name="programme-leave",
    ),
    path(
        "programmes/<str:code>/steps/<str:step>",
        programmes.ProgrammeStepView.as_view(),
        name="programme-step",
    ),
    path(
        "programmes/<str:code>/renewal",
        programmes.ProgrammeRenewalView.as_view(),
        name="programme-renewal",
    ),
]
