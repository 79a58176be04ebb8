/** Pipelines as people format them. Each has the steps `extract`, `clean` and `report`. */
export const HAND_FORMATTED: { [name: string]: string } = {
  'four spaces and comments': `# Monthly figures
version: 1   # the format

parameters:
    month: {type: date, default: 2026-01-01}  # the first of it

steps:
    # Reads the month from the warehouse.
    # It takes an hour.
    extract:
        notebook: "01_extract.ipynb"   # slow
        with: {month: {cel: params.month}}

    clean: {script: clean.py, needs: [extract]}  # quick

    # Asks somebody.
    report:
        notebook: 'report.ipynb'

        # Both of them.
        needs:
        - clean   # it comes last
        - extract
        if: steps.extract.values.rows > 0 && steps.clean.state != 'steps.extract'
        # The end of the step.
# The end of the file.
`,
  'all on one line':
    '{version: 1, steps: {extract: {notebook: a.ipynb}, clean: {script: b.py, needs: [extract]}, report: {notebook: c.ipynb, needs: [extract, clean]}}}\n',
  'flow over lines': `version: 1
steps: {
  extract: {
    notebook: a.ipynb,   # first
    retries: 2
  },
  # second
  clean: {script: b.py,
          needs: [extract],
  },
  report: {notebook: c.ipynb, needs: [
    extract,
    clean   # both
  ]},
}
`,
  'texts in blocks': `---
version: 1
steps:
  extract:
    command:
      - sh
      - -c
      - |
        echo "one"

        echo "two"   # no comment
    # behind
  clean:
    approve:
      ask: >
        Are these figures

        right?
      who: [anna,
            ben]


  report:
    title: |+
      A title


    notebook: c.ipynb
    needs: [clean]
...
`,
  'mappings in lists': `version: 1
defaults: {retries: 1}


steps:

  extract:
    notebook: a.ipynb
    outputs:
    - data.csv
    - "figures/*.png"


  clean:
    script: b.py
    needs:
      - extract
    files:
      # The files of extract.
      - from: extract
        paths:
          - data.csv   # the table
        into: .
      -
        from: extract
        paths: ["figures/*.png"]

  report:
    notebook: c.ipynb
    needs: [ clean , extract ]
    with:
      # how many
      rows:
        cel: steps.extract.values.rows
      "quoted key": 'it''s'`,
  'quotes and anchors': `"version": 1
'steps':
  "extract": &first
    'notebook': "a \\"b\\".ipynb"
  'clean':
    script: !!str b.py
    needs: ["extract"]
    env: {A: "1", 'B': ''}
  report: {"notebook": 'c.ipynb', 'needs': ['clean']}
`
};
HAND_FORMATTED['line ends of Windows'] = HAND_FORMATTED[
  'four spaces and comments'
].replace(/\n/g, '\r\n');
HAND_FORMATTED['a byte order mark'] =
  '\ufeff' + HAND_FORMATTED['mappings in lists'];
