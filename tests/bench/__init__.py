"""`make bench`: how close the bridge comes to what the machine can do, side by side in one run."""
