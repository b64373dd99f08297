"""One file a symptom; `etude.diagnosis.diagnose` lists them."""
