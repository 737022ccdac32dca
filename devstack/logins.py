"""Who can log in to a stack on this machine, and its salon. Only ever here: production makes its own."""

PASSWORD = "chair-by-the-window"
ADMIN = "admin@demo.example"
OWNER = "owner@demo.example"
STAFF = "staff@demo.example"
SALON = "Demo Salon"
