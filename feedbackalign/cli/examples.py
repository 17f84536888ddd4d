"""What help says around the options: the idea, examples of every command, and the exit status."""

ABOUT = """How does a network's error reach its synapses? Trains networks by rules that answer differently, and measures
how far each one's updates are from backprop's."""
STATUS = """exit status: 0 if all went well; 1 if a run failed, or a file or folder was not as it should be; 2 if the
command line itself was wrong; 130 after Ctrl-C."""
EXAMPLES = {
    None: """
  feedbackalign compare                      eight rules on the digits: a table, figures, summary.json
  feedbackalign train --rule pfa --seed 3    one run, with checkpoints
  feedbackalign trace --rule pfa             one learning phase, layer by layer
  feedbackalign rules                        what there is
  feedbackalign COMMAND --help               everything that a command takes""",
    "compare": """
  feedbackalign compare
  feedbackalign compare --rules bp,fa,pfa --seeds 5 --epochs 20
  feedbackalign compare --rules pfa --expansion 100 --decay equal --out wide-middle
  feedbackalign compare --rules bp,pfa:expansion=2,pfa:expansion=100 --lr 0.001,0.01,0.1 --validation 0.2
  feedbackalign compare --rules bp,my_rule.py:MyRule --model digits-conv
  feedbackalign compare --rules bp,ep,hep-homeo,pfa --model settling
  feedbackalign compare --rules bp,fa,pfa --persistence
  feedbackalign compare --data fashion --data-dir ~/fashion --epochs 8 --batch-size 64
  feedbackalign compare --data mine.csv --label-column species
  feedbackalign compare --seeds 20 --resume              goes on where the same line was stopped""",
    "train": """
  feedbackalign train --rule pfa --model mlp --data digits --epochs 6 --seed 3 --out my-run
  feedbackalign train --rule pfa --model mlp --data digits --epochs 6 --seed 3 --out my-run --resume
  feedbackalign train --rule wm --model digits-conv --mirror-rate 0.05
  feedbackalign train --rule pfa --model my_net.py:convnet --data mine.npz
  feedbackalign train --rule pfa --model resnet20 --data fashion --epochs 2
  feedbackalign train --rule pfa --model resnet20 --data cifar10 --data-dir cifar10 --epochs 250 \
--lr-milestones 100,150,200 --lr-factor 0.1""",
    "plot": """
  feedbackalign plot compare-output --format svg,pdf
  feedbackalign plot my-run/record.jsonl --out slides
  feedbackalign plot compare-output --size 8x4.5 --theme dark
  feedbackalign plot compare-output --animate
  feedbackalign plot compare-output --table latex
  feedbackalign plot compare-output --page          page.html: table, figures and rows in one file to hand on""",
    "figure": """
  feedbackalign figure depth
  feedbackalign figure homeostasis --out slides --format svg,pdf
  feedbackalign figure mlp --scale laptop --out mlp
  feedbackalign figure mlp --scale laptop --out mlp --resume      goes on where the same line was stopped""",
    "trace": """
  feedbackalign trace --rule pfa
  feedbackalign trace --rule fa --steps 500         after 500 training steps
  feedbackalign trace --rule pfa --steps 500 --route closed-form""",
    "check": """
  feedbackalign check
  feedbackalign check --rules pfa,kp --seed 7""",
    "rules": """
  feedbackalign rules""",
    "lessons": """
  feedbackalign lessons                             what there is
  feedbackalign lessons --to course                 as scripts with cells, for an editor
  feedbackalign lessons --to course --notebook      for Jupyter and Colab""",
    "exercise": """
  feedbackalign exercise                            what there is, and what is done or open in this folder
  feedbackalign exercise 3.1                        the task
  feedbackalign exercise 3.1 my_solution.py         is it right? A lesson with your answers in it will do
  feedbackalign exercise --reset                    begin again: nothing is done""",
    "data": """
  feedbackalign data                                     what there is
  feedbackalign data fetch fashion --to ~/fashion        31 MB; then: train --data fashion --data-dir ~/fashion
  feedbackalign data fetch cifar10 --to ~/cifar10        170 MB; then: train --data cifar10 --data-dir ~/cifar10
  feedbackalign data fetch mnist --to ~/mnist --from file:///media/stick/mnist""",
}
