"""Who the people are, what each lets others see, and with whom each never wants to be matched."""
