"""What the bot answers, a file for each: what was typed, what is asked, how it looks in the chat and as JSON."""
