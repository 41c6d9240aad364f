# %% [markdown]
"""Why training oscillates: the smallest game, in which every step is known exactly.

A generator with one parameter and a discriminator with one parameter chase each other in circles. Whether they go around, outward
or inward is determined by a 2 x 2 matrix, and the trainer of all GANs here must follow it up to rounding.
"""

# %% [markdown]
# # 20. Why training oscillates
#
# All real examples are the number 0. The generator makes the number theta, whatever z is. The discriminator is a straight line,
# D(x) = psi x. This is the Dirac-GAN (Mescheder et al. 2018), and both players have an equilibrium at 0. With the Wasserstein
# loss and a learning rate h,
#
#     D minimizes   psi theta,    psi   <- psi - h theta
#     G minimizes  -psi theta,    theta <- theta + h psi
#
# Two players who both descend do not descend together: each step is perpendicular to the direction of the equilibrium. In
# continuous time the two circle around it forever. What happens in discrete steps?
# %%
import numpy as np

import minigen as mg
from minigen import losses, nn, optim, plot, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models import gans

args = demo_arguments("20_oscillation", __doc__, steps=500, long=2000)
if args.quick:
    args.steps, args.long = 30, 70
criteria = Criteria(args)

RATE, GAMMA, DECAY = 0.1, 0.5, 0.99  # h, the weight of R1, and the decay of the moving average
START = np.array([1.0, 0.0])  # theta, psi
LAP = 63  # steps in 2 pi / h


class Point(gans.Generator):
    """Returns the number theta for any latent vector: (n, 1) -> (n, 1)."""

    latent_dim = 1

    def __init__(self):
        self.theta = mg.Parameter(nn.init.ones(()))

    def forward(self, z):
        return mg.broadcast_to(self.theta, shape=z.shape)


class Path(training.Callback):
    """Records theta, psi and the averaged theta, before the first step and after each."""

    def on_train_begin(self, run):
        self.points = []
        self.on_step_end(run)

    def on_step_end(self, run):
        self.points.append([run.generator.theta.item(), run.discriminator.weight.item(), run.sampler.theta.item()])


def play(loss, steps, gamma=0.0, momentum=0.0):
    """Train the two by `training.Adversarial`, in float64; returns path (steps + 1, 2), averaged theta (steps + 1,), monitor."""
    generator = Point().astype("float64")
    discriminator = nn.Dense(1, 1, bias=False, weight_init=nn.init.zeros).astype("float64")
    run = training.Adversarial(
        generator,
        discriminator,
        loss=loss,
        penalties=[losses.R1(gamma)] if gamma else [],
        ema=DECAY,
        generator_optimizer=optim.SGD(generator.parameters(), lr=RATE, momentum=momentum),
        discriminator_optimizer=optim.SGD(discriminator.parameters(), lr=RATE, momentum=momentum),
    )
    path, monitor = Path(), training.GanMonitor(samples=2)
    run.fit(np.zeros((1, 1)), steps=steps, batch_size=1, record_every=5, callbacks=[path, monitor], progress=False)
    points = np.array(path.points)
    return points[:, :2], points[:, 2], monitor


def repeated(step, start, steps):
    """The path of a map: start, step(start), step(step(start)) ..., (steps + 1, numbers)."""
    points = [start]
    for _ in range(steps):
        points.append(step(points[-1]))
    return np.array(points)


def radius(path):
    """The distances from the equilibrium."""
    return np.linalg.norm(path, axis=1)


def difference(path, exact):
    """The largest distance between two paths, as a share of the distance from the equilibrium there."""
    return (radius(path - exact) / radius(exact)).max()


# %% [markdown]
# ## Simultaneously: outward
# If both step simultaneously, from the same point, the step is tangential, and leads out of the circle: by Pythagoras, the
# distance from the equilibrium grows by sqrt(1 + h^2) each time, and the direction turns by arctan h.
# %%


def simultaneous(point):
    """One simultaneous step of both players, by the gradients that the engine computes."""
    theta, psi = (mg.Tensor(mg.asarray(np.array(value)), requires_grad=True) for value in point)
    by_theta, by_psi = mg.grad(psi * theta, [theta, psi])
    return point + RATE * np.array([by_theta.item(), -by_psi.item()])


both = repeated(simultaneous, START, args.steps)
steps = np.arange(args.steps + 1)
turned = -steps * np.arctan(RATE)
outward = (1 + RATE**2) ** (steps[:, None] / 2) * np.stack([np.cos(turned), np.sin(turned)], axis=1)

# %% [markdown]
# ## In turns: an ellipse; with R1: inward
# Algorithm 1 updates the discriminator first, and the generator sees the new one. R1 adds gamma / 2 * psi^2 to what D minimizes.
# Then one step of both is
#
#     (theta, psi) <- M (theta, psi),    M = [[1 - h^2, h (1 - h gamma)], [-h, 1 - h gamma]],    det M = 1 - h gamma
#
# A point x and its successor M x span an area, a quadratic form of x. The next pair, M x and M M x, spans det M times as much.
# Without R1, det M = 1, and so this form never changes:
#
#     area = h (theta^2 + psi^2 - h theta psi)
#
# It is a closed ellipse, on which the players stay forever. With R1 the area shrinks by 1 - h gamma in each step, and lengths by
# its square root, the absolute value of both eigenvalues of M as long as they are complex.
# %%


def matrix(rate, gamma=0.0):
    """M: one step in turns, of (theta, psi). `rate`: the learning rate times the slope of the losses."""
    keep = 1 - RATE * gamma
    return np.array([[1 - rate**2, rate * keep], [-rate, keep]])


def largest_eigenvalue(m):
    """The spectral radius: the factor by which a step of the map m stretches, in the long run."""
    return np.abs(np.linalg.eigvals(m)).max()


def area(path):
    """The area that each point spans with its successor, (steps,); positive, since the players move clockwise."""
    (x, y), (next_x, next_y) = path[:-1].T, path[1:].T
    return y * next_x - x * next_y


around, averaged, watching_circle = play(losses.Wasserstein(), args.long)
inward, _, watching_r1 = play(losses.Wasserstein(), args.steps, gamma=GAMMA)
ellipse = repeated(lambda point: matrix(RATE) @ point, START, args.long)
contracting = repeated(lambda point: matrix(RATE, GAMMA) @ point, START, args.steps)

paths = {"at the same time": both[: 2 * LAP], "in turns": around[:LAP], f"in turns, R1, gamma = {GAMMA}": inward}
exact = dict(zip(paths, (outward[: 2 * LAP], ellipse[:LAP], contracting)))
save(
    plot.trajectories(
        paths,
        exact=exact,
        xlabel="generator: theta",
        ylabel="discriminator: psi",
        title="Wasserstein loss: outward, around, inward",
    ),
    args,
    "paths.png",
)

# %% [markdown]
# ## With logarithms
# For the logistic losses a slope that was 1 is a sigmoid:
#
#     D:                 psi   <- (1 - h gamma) psi - h sigmoid(psi theta) theta
#     G, minimax:        theta <- theta + h sigmoid(psi theta) psi
#     G, non-saturating: theta <- theta + h (1 - sigmoid(psi theta)) psi
#
# At the equilibrium both slopes are 1/2. So near it a step of both games is M with h / 2 for h, except in h gamma: det M is as
# before, and with R1 both converge like sqrt(1 - h gamma)^k. Without R1, minimax circles. The non-saturating game does not quite:
# in continuous time, with r^2 = theta^2 + psi^2,
#
#     d r^2 / dt = -2 psi theta tanh(psi theta / 2),    about -(psi theta)^2,    on average over a lap -r^4 / 8
#
# and hence r = 1 / sqrt(1 / r0^2 + t / 8), where t is h times the number of steps. It does approach, but ever more slowly: to a
# tenth of the distance in a hundred times as many steps.
# %%


def sigmoid(score):
    return 1 / (1 + np.exp(-score))


def logistic(slope, gamma):
    """One step in turns of the logistic losses, written out. `slope`: the generator's, a function of the score."""

    def step(point):
        theta, psi = point
        psi = (1 - RATE * gamma) * psi - RATE * sigmoid(psi * theta) * theta
        return np.array([theta + RATE * slope(psi * theta) * psi, psi])

    return step


played, written_out = {}, {}
for name, loss, slope in (
    ("minimax", losses.Minimax(), sigmoid),
    ("non-saturating", losses.NonSaturating(), lambda score: 1 - sigmoid(score)),
):
    for game, gamma in ((name, 0.0), (f"{name}, R1", GAMMA)):
        length = args.steps if gamma else args.long
        played[game], *_ = play(loss, length, gamma=gamma)
        written_out[game] = repeated(logistic(slope, gamma), START, length)
slowly = 1 / np.sqrt(1 + RATE * np.arange(args.long + 1) / 8)

paths = {"minimax": played["minimax"][: 2 * LAP]} | {game: played[game] for game in ("non-saturating", "non-saturating, R1")}
exact = {game: written_out[game][: len(path)] for game, path in paths.items()}
save(
    plot.trajectories(
        paths,
        exact=exact,
        xlabel="generator: theta",
        ylabel="discriminator: psi",
        title="Logistic losses: around, slowly inward, inward",
    ),
    args,
    "logistic.png",
)

# %% [markdown]
# ## Momentum
# A heavy ball keeps its direction, which was 90 degrees off: momentum drives the players outward. Negative momentum brakes, and
# lets them converge (Gidel et al. 2019). With momentum m a step is linear in theta, psi and the velocities of both. The
# optimizers here do not accept negative momentum: the eigenvalues below show its effect.
# %%


def heavy(momentum):
    """One step in turns with momentum, of (theta, psi, velocity of theta, velocity of psi)."""
    discriminator, generator = np.eye(4), np.eye(4)
    discriminator[[3, 1]] = [1, 0, 0, momentum], [-RATE, 1, 0, -RATE * momentum]  # v <- m v + theta; psi <- psi - h v
    generator[[2, 0]] = [0, -1, momentum, 0], [1, RATE, -RATE * momentum, 0]  # v <- m v - psi; theta <- theta - h v
    return generator @ discriminator


driven, *_ = play(losses.Wasserstein(), args.steps, momentum=0.5)
exactly_driven = repeated(lambda state: heavy(0.5) @ state, np.array([*START, 0.0, 0.0]), args.steps)[:, :2]

lines = {
    "momentum 0.5": driven,
    "at the same time": both,
    "in turns": around,
    "non-saturating": played["non-saturating"],
    "R1": inward,
}
lines = {name: radius(path[: len(steps)]) for name, path in lines.items()}
save(
    plot.curves(
        steps,
        lines,
        xlabel="step",
        ylabel="distance from the equilibrium",
        logy=True,
        title="Distance from the equilibrium (all but one in turns)",
    ),
    args,
    "radius.png",
)

# %% [markdown]
# ## The mean of a circle is its center
# The players circle, but their mean over a lap is the equilibrium. A moving average a <- d a + (1 - d) theta damps an oscillation
# of w radians per step to (1 - d) / |1 - d exp(-i w)|; cos w is half the trace of M. A uniform mean over n steps is (1 - M)^-1
# (x_0 - x_n) / n, at most about 2 / (h n). The picture shows the largest |theta| within a lap.
# %%
frequency = np.arccos(np.trace(matrix(RATE)) / 2)
weakened = (1 - DECAY) / abs(1 - DECAY * np.exp(-1j * frequency))
uniform = around[:, 0].cumsum() / np.arange(1, args.long + 2)
closed_form = np.full(args.long + 1, weakened)
lines = {"theta": around[:, 0], "closed form": closed_form, "moving average": averaged, "mean so far": uniform}
lines = {name: np.lib.stride_tricks.sliding_window_view(np.abs(line), LAP).max(axis=1) for name, line in lines.items()}
save(
    plot.curves(
        np.arange(LAP - 1, args.long + 1),
        lines,
        xlabel="step",
        ylabel="distance of what is made from 0",
        logy=True,
        title=f"A circling generator, its moving average (decay {DECAY}) and mean",
    ),
    args,
    "averages.png",
)

# %% [markdown]
# ## Did it work?
# The trainer computed in float64: it must agree with the closed forms up to rounding, all along each path. The laws that hold
# only for small steps, or only on average, have a tolerance. The monitor, which detects circles from the generator's loss alone,
# must notice the circle, and see none where R1 ends it.
# %%
criteria.check("at the same time: largest relative difference from the spiral", difference(both, outward), at_most=1e-9)
criteria.check("in turns: largest relative difference from powers of M", difference(around, ellipse), at_most=1e-9)
form = RATE * ((around**2).sum(axis=1) - RATE * around.prod(axis=1))
criteria.check("in turns: largest relative change of the quadratic form", np.abs(form / form[0] - 1).max(), at_most=1e-9)
criteria.check("in turns: largest relative difference of form and area", np.abs(area(around) / form[:-1] - 1).max(), at_most=1e-9)
criteria.check("R1: largest relative difference from powers of M", difference(inward, contracting), at_most=1e-9)
criteria.check(
    "R1: spectral radius of M, as a multiple of sqrt(1 - h gamma)",
    largest_eigenvalue(matrix(RATE, GAMMA)) / np.sqrt(1 - RATE * GAMMA),
    between=(1 - 1e-9, 1 + 1e-9),
)
for game, path in played.items():
    criteria.check(f"{game}: largest relative difference from the map", difference(path, written_out[game]), at_most=1e-9)
    if "R1" in game:
        last = area(path)[-100:]
        rate = (last[-1] / last[0]) ** (0.5 / (len(last) - 1))
        criteria.check(
            f"{game}: rate of the last 100 steps, as a multiple of that by eigenvalues",
            rate / largest_eigenvalue(matrix(RATE / 2, GAMMA)),
            between=(0.9999, 1.0001),
        )
farthest, nearest = radius(played["minimax"]).max(), radius(played["minimax"]).min()
criteria.check("minimax: largest distance from the equilibrium", farthest, at_most=1.1)
criteria.check("minimax: smallest distance from the equilibrium", nearest, at_least=0.9)
distance = radius(played["non-saturating"])[-1]
criteria.check(
    "non-saturating: distance at the end, as a multiple of 1 / sqrt(1 + t / 8)", distance / slowly[-1], between=(0.95, 1.05)
)
criteria.check("momentum 0.5: largest relative difference from matrix powers", difference(driven, exactly_driven), at_most=1e-9)
passed = np.abs(averaged[-LAP:]).max() / np.abs(around[-LAP:, 0]).max()
criteria.check("moving average: radius that is left, as a multiple of the closed form's", passed / weakened, between=(0.98, 1.02))
criteria.check(
    "mean of all steps: distance from 0, as a multiple of 2 / (h n)", abs(uniform[-1]) * RATE * len(uniform) / 2, at_most=1 + RATE
)
seen = [sum("run in circles" in text for _, text in monitor.warnings) for monitor in (watching_circle, watching_r1)]
criteria.check("in turns: times that the monitor begins to see circles", seen[0], at_least=1)
criteria.check("R1: times that the monitor begins to see circles", seen[1], at_most=0)

criteria.report("R1: growth in a step, in the long run", f"{np.sqrt(1 - RATE * GAMMA):.5f}")
for momentum in (-0.5, 0.0, 0.5, 0.9):
    criteria.report(f"momentum {momentum:g}: growth in a step, in the long run", f"{largest_eigenvalue(heavy(momentum)):.5f}")
criteria.report("non-saturating: distance at the end", f"{distance:.4f}, after {args.long:,} steps")
criteria.report("moving average: radius that is left, as a share", f"{passed:.4f}")
for name, monitor in {"in turns": watching_circle, "R1": watching_r1}.items():
    first = f"step {monitor.warnings[0][0]}: {monitor.warnings[0][1].split(':')[0]}" if monitor.warnings else "nothing to report"
    criteria.report(f"{name}: the monitor's first warning", first)
criteria.finish()
