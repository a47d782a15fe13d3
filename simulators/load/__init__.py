"""A load that speaks the interface in full: open or closed loop, a mix of acts, latencies counted."""
