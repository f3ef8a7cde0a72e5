"""Pages of programmes: activities, channels, services, offers."""

from django.urls import path

from growth.views import programmes

urlpatterns = [
    path("programmes/", programmes.ProgrammesPage.as_view(), name="programmes"),
    path("programmes/<slug:code>/", programmes.ProgrammePage.as_view(), name="programme"),
    path("programmes/<slug:code>/enrol/", programmes.Enrol.as_view(), name="programme-enrol"),
    path("programmes/<slug:code>/leave/", programmes.Leave.as_view(), name="programme-leave"),
    path(
        "programmes/<slug:code>/steps/<slug:step>/",
        programmes.DoStep.as_view(),
        name="programme-step",
    ),
    path("programmes/<slug:code>/renew/", programmes.Renew.as_view(), name="programme-renew"),
]
