class Pages:
    def __init__(self, sandbox): pass
