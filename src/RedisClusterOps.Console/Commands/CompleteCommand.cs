using System.CommandLine;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco complete</c>: Complete-RedisSlotMigration.</summary>
internal static class CompleteCommand
{
    private const string Description =
        "Complete a slot's migration: move the keys that are left, then hand the slot over, the target first. "
        + "Never CLUSTER SETSLOT NODE while the source holds keys: it would delete them.";

    public static Command Create(Screen screen)
    {
        var slot = SlotOption.Required();
        var source = NodeOption.Source("The master that the keys leave, where the slot does not tell");
        var target = NodeOption.Target("The master that the keys go to, where the slot does not tell");
        var command = new OperationCommand(screen, "complete", Description, movesKeys: true, movesWhole: false, slot, source, target);
        command.RunSlots("Complete", slot, (redis, number, parsed, options, stop) =>
            redis.PlanCompletionAsync(number, parsed.GetValue(source), parsed.GetValue(target), options, stop));
        return command;
    }
}
