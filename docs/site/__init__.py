"""The documentation as a site: `python -m docs.site` stages the pages, writes the reference, and runs Sphinx.

The reference is made from the code each time (command line, rainbow.yaml, resources, steps, rights, exit codes,
metrics); none of it is kept. A page's links into the checkout lead to the page that is made of that file.
"""
