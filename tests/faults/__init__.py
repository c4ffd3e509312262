"""What must hold whatever happens: faults under traffic, and the recorder and checker that judge them."""
