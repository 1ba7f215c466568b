# The page and the programming interface of Mimica: docker build -t mimica . && docker compose up
FROM python:3.12-slim AS build
COPY pyproject.toml README.md LICENSE /source/
COPY mimica /source/mimica
RUN python -m venv /opt/mimica && /opt/mimica/bin/pip install --no-cache-dir "/source[web]"

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 mimica
COPY --from=build /opt/mimica /opt/mimica
ENV PATH=/opt/mimica/bin:$PATH PYTHONUNBUFFERED=1 HOME=/home/mimica
USER 10001:10001
WORKDIR /home/mimica
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
ENTRYPOINT ["mimica"]
CMD ["web", "--host", "0.0.0.0", "--port", "8765", "--no-browser"]
