"""The page and the programming interface of `mimica web`: FastAPI and WebSockets around `mimica.interactive`."""
