def draw(_cases, _kept):
    return ""
