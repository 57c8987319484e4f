import six


def grams(kilos):
    return six.ensure_str(str(kilos * 1000))
