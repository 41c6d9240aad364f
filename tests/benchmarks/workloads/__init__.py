"""One file for each thing that is timed, found by itself. To add one, write here a module with

    a docstring          its first line is what `--list` shows
    CASES                name -> keyword arguments: one row of the table each
    GOAL                 what we aim at, see `workload.Goal`
    with_minigen(**case), with_pytorch(**case)
                         build everything from the same weights and the same data, and return `step`, a
                         function without arguments that does one step and returns what all libraries must
                         agree on (the loss); or (prepare, step): step(prepare()) is called, and prepare is
                         not timed

and, where it applies,

    GROUP                of workload.GROUPS: the mean in which a training step counts
    with_jax, with_keras, with_dezero(**case)
                         the same in other libraries, where the network is simple to state once more; what they
                         share is in in_jax.py, in_keras.py and in_dezero.py
    with_numpy(**case)   the bare NumPy calls, to be subtracted
    CALLS                how many calls of an op a step consists of, for times in microseconds a call
    VARIANTS             extra keyword arguments of with_pytorch, of which the fastest counts; for images
                         [{"memory_format": "contiguous_format"}, {"memory_format": "channels_last"}]

If with_pytorch has a parameter `compiled`, a function to apply to the loss before it is used, the step is also measured
with torch.compile. That cannot differentiate twice: a gradient penalty is measured without it.

Other libraries are imported inside their functions, for they need not be installed. Arrays are made with `minigen.asarray`
and `torch.asarray`, so that they are on the device in use.
"""
