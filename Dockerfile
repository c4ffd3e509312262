# One image for all processes: `manage.py up` for everything at once, or web, worker and beat each by itself
# (docker-compose.yml).
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2
WORKDIR /app

COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

COPY manage.py ./
COPY kcpcache kcpcache
COPY workspaces workspaces
COPY replication replication
COPY supervisor supervisor
RUN python -m compileall -q kcpcache workspaces replication supervisor

RUN useradd --system --uid 10001 --no-create-home kcpcache \
    && install --directory --mode=0700 --owner=kcpcache /data
USER kcpcache
VOLUME /data
ENV KCPCACHE_DATA_DIR=/data KCPCACHE_HOST=0.0.0.0

EXPOSE 6443
CMD ["python", "manage.py", "up"]
