# One image for web, worker and beat; compose.yaml says which command runs where.
FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 portal && install -d -o portal -g portal /app /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --chown=portal:portal . .
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    VAR_DIR=/app/var MEDIA_ROOT=/data/media STATIC_MANIFEST=1
USER portal
# The key is for this command alone; a container gets its own from the environment.
RUN SECRET_KEY=build-only python manage.py collectstatic --noinput --verbosity 0
EXPOSE 8000
VOLUME /data
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; r = u.Request('http://127.0.0.1:8000/healthz', headers={'Host': 'localhost', 'X-Forwarded-Proto': 'https'}); u.urlopen(r, timeout=4)"]
CMD ["gunicorn", "portal.wsgi:application", "--config", "python:portal.gunicorn_conf", "--bind", "0.0.0.0:8000", "--workers", "4"]
