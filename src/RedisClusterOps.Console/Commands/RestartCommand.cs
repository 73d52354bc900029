using System.CommandLine;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco restart</c>: Restart-RedisSlotMigration.</summary>
internal static class RestartCommand
{
    public static Command Create(Screen screen)
    {
        var slot = SlotOption.Required();
        var target = NodeOption.Target("Another master to go to, while no key has moved (default: the one it had)");
        var command = new OperationCommand(
            screen, "restart", "Put both ends of an open slot in order, so that it is a normal open slot again. Keys stay where they are.", movesKeys: false, movesWhole: false, slot, target);
        command.RunSlots("Restart", slot, (redis, number, parsed, options, stop) => redis.PlanRestartAsync(number, parsed.GetValue(target), options, stop));
        return command;
    }
}
