using System.CommandLine;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco repair</c>: Repair-RedisCluster.</summary>
internal static class RepairCommand
{
    private const string Description =
        "Put right every slot that is open, disputed, without an owner, or with keys astray. "
        + "What only a person can decide is told with the command that decides it, and the rest is done.";

    public static Command Create(Screen screen)
    {
        var slot = SlotOption.Create("Only these slots (default: all).");
        var target = NodeOption.Target("The master that shall own a slot where the cluster itself can't tell");
        var allow = new Option<bool>("--allow-unreachable-node")
        {
            Description = "Go on without a master that does not answer: its slots are given to others, and it deletes their keys when it comes back.",
        };
        var skip = new Option<bool>("--skip-coverage") { Description = "Leave slots that nobody serves alone." };
        var command = new OperationCommand(screen, "repair", Description, movesKeys: true, movesWhole: false, slot, target, allow, skip);
        command.RunAll("nothing to repair", (redis, parsed, options, stop) => redis.PlanRepairAsync(
            new RepairOptions
            {
                Slots = parsed.GetValue(slot) is { Length: > 0 } some ? some : null,
                Target = parsed.GetValue(target),
                AllowUnreachableNode = parsed.GetValue(allow),
                SkipCoverage = parsed.GetValue(skip),
            },
            options,
            stop));
        return command;
    }
}
