"""The side that imports a submission and answers questions about it: values, gradients, messages. It knows no right answers."""
