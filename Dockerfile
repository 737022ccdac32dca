# One image for web, worker and dispatcher; the Procfile says what each of them runs.

FROM python:3.11-slim AS requirements
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes --only-binary :all: -r requirements.txt \
    && /opt/venv/bin/pip uninstall --yes pip setuptools

FROM node:22-slim AS pages
WORKDIR /build
COPY web/npm/package.json web/npm/package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN groupadd --system --gid 10001 booking \
    && useradd --system --uid 10001 --gid booking --no-create-home --shell /usr/sbin/nologin booking
WORKDIR /app
COPY --from=requirements /opt/venv /opt/venv
COPY . .
COPY --from=pages /build/node_modules web/npm/node_modules
# The key signs nothing: it lives in this step only.
RUN DJANGO_SECRET_KEY=for-collectstatic-only python manage.py collectstatic --no-input --verbosity 0

USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Asks the way a proxy would: by a name that ALLOWED_HOSTS has, as if over https.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "\
import os, urllib.request as http\n\
host = os.environ['ALLOWED_HOSTS'].split(',')[0].strip().lstrip('.').replace('*', 'localhost')\n\
url = 'http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/health/'\n\
http.urlopen(http.Request(url, headers={'Host': host, 'X-Forwarded-Proto': 'https'}), timeout=4)\n\
"]
# `docker run IMAGE worker` runs the Procfile's line of that name, anything else is a command.
ENTRYPOINT ["/bin/sh", "-c", "\
line=$(awk -v name=\"$0:\" '$1 == name { sub(/^[^:]*: */, \"\"); print }' Procfile); \
if [ -n \"$line\" ]; then eval \"$line\"; else exec \"$0\" \"$@\"; fi"]
CMD ["web"]
