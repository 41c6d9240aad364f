"""One file for each thing that is timed, found by itself. To add one, write here a module with

    a docstring          its first line is what `--list` shows
    CASES                name -> keyword arguments: one row of the table each
    GOAL                 what we aim at, see `workload.Goal`
    with_minigen(**case), with_pytorch(**case)
                         build everything from the same weights and the same data, and return `step`, a
                         function without arguments that does one step and returns what both libraries must
                         agree on (the loss); or (prepare, step): step(prepare()) is called, and prepare is
                         not timed

and, where it applies,

    with_numpy(**case)   the bare NumPy calls, to be subtracted
    CALLS                how many calls of an op a step consists of, for times in microseconds a call
    VARIANTS             extra keyword arguments of with_pytorch, of which the fastest counts; for images
                         [{"memory_format": "contiguous_format"}, {"memory_format": "channels_last"}]

torch is imported inside with_pytorch, for it need not be installed. Arrays are made with `minigen.asarray`
and `torch.asarray`, so that they are on the device in use.
"""
