from hypothesis import settings

# Nothing here hangs on the speed of the machine, and a failure comes back when the test is run again.
settings.register_profile("steady", deadline=None, derandomize=True, print_blob=False)
settings.register_profile("thorough", deadline=None, max_examples=5000)
settings.load_profile("steady")
