# Two stages: the first installs and compiles, the second only holds the result.
# Slim images come without compiled standard library, and a user without rights could not write it:
# every start would then compile it anew (0.8 s instead of 0.2 s, measured).
FROM python:3.13.9-slim AS build
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --no-compile --target /packages -r requirements.txt
COPY *.py ./
COPY answers answers
COPY asking asking
COPY exchanges exchanges
COPY render render
COPY telegram telegram
# By content, not by time, which builders round; readable whatever the checkout's modes are.
RUN python -m compileall -q -f --invalidation-mode unchecked-hash /packages /app && chmod -R a+rX,go-w /packages /app

FROM python:3.13.9-slim
RUN python -m compileall -q -f --invalidation-mode unchecked-hash /usr/local/lib/python3.13
WORKDIR /app
COPY --from=build /packages /packages
COPY --from=build /app /app
ENV PYTHONPATH=/packages \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=1 \
    MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
EXPOSE 8000
CMD ["python", "webhook_server.py"]
