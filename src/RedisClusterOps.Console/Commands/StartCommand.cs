using System.CommandLine;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco start</c>: Start-RedisSlotMigration.</summary>
internal static class StartCommand
{
    public static Command Create(Screen screen)
    {
        var slot = SlotOption.Required();
        var source = NodeOption.Source("The master that should own the slot (default: whoever does)");
        var target = NodeOption.Target("The master that the slot is to go to");
        target.Required = true;
        var command = new OperationCommand(
            screen, "start", "Open a slot's migration: the target imports, then the source migrates. No key is moved; rco complete does that.", movesKeys: false, movesWhole: false, slot, source, target);
        command.RunSlots("Start", slot, (redis, number, parsed, options, stop) =>
            redis.PlanStartAsync(number, parsed.GetValue(source), parsed.GetValue(target)!, options, stop));
        return command;
    }
}
