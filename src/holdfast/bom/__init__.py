"""Bills of materials: what something is made of, as CycloneDX and as SPDX have it.

Pure: values in, a document out. Where the parts come from (an image's environment, a lock), and
where the document goes, others know.
"""
