"""Pages of declarations, registration services and admissions."""

from django.urls import path

from compliance.views import admissions, calendar, calendar_feed, services

urlpatterns: list = [
    path("calendar/", calendar.CalendarPage.as_view(), name="calendar"),
    path("calendar/tick/", calendar.TickDeclaration.as_view(), name="calendar-tick"),
    path("calendar/feed/", calendar_feed.FeedPage.as_view(), name="calendar-feed"),
    path("calendar/feed/renew/", calendar_feed.RenewFeed.as_view(), name="calendar-feed-renew"),
    path("calendar/feed/remove/", calendar_feed.RemoveFeed.as_view(), name="calendar-feed-remove"),
    # Public: whoever knows the token may read it.
    path("calendar/<slug:token>.ics", calendar_feed.calendar_file, name="calendar-file"),
    path("services/", services.ServicesPage.as_view(), name="services"),
    path(
        "services/<slug:code>/request/",
        services.RequestServicePage.as_view(),
        name="service-request",
    ),
    path(
        "services/requests/<int:pk>/cancel/",
        services.CancelRequest.as_view(),
        name="service-request-cancel",
    ),
    path("admissions/", admissions.AdmissionsPage.as_view(), name="admissions"),
]
