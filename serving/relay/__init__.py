"""The way to the engines: requests of OpenAI's format passed through, counted, recorded, byte for byte."""
