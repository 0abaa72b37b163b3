"""What Telegram sends and is sent."""
