"""What we speak of: frozen values, validated once."""
