"""Does it help? What generated digits add to a recogniser of few real ones, arm by arm; the test chooses nothing."""
