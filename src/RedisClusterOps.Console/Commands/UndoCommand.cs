using System;
using System.CommandLine;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco undo</c>: Undo-RedisSlotMigration.</summary>
internal static class UndoCommand
{
    public const string MigrationIdName = "--migration-id";

    private const string Description =
        "Undo a slot's migration, or every slot of a run: back to the master that it started from. "
        + "By default it is finished forward and migrated back, so that no read fails on the way.";

    public static Command Create(Screen screen)
    {
        var slot = SlotOption.Create("The slot, 0 to 16383; several may be given.");
        var source = NodeOption.Source("The master that the migration started from, where the slot does not tell");
        var target = NodeOption.Target("The master that it was going to, where the slot does not tell");
        var run = new Option<string?>(MigrationIdName) { Description = "A whole run of the journal instead of slots: its id, or the beginning of it.", HelpName = "id" };
        var strategy = new Option<UndoStrategy>("--strategy")
        {
            Description = "PullBack is faster, and the keys that had moved read as missing until they are back.",
            HelpName = string.Join('|', Enum.GetNames<UndoStrategy>()),
            CustomParser = ParameterParsers.NameOf<UndoStrategy>("--strategy"),
            DefaultValueFactory = _ => UndoStrategy.RoundTrip,
        };
        var allow = new Option<bool>("--allow-unreachable-node") { Description = "Close the slot although its target does not answer; the keys that have moved are given up until it is back." };
        var command = new OperationCommand(screen, "undo", Description, movesKeys: true, movesWhole: true, slot, run, source, target, strategy, allow);
        command.Validators.Add(result =>
        {
            if ((result.GetResult(slot) is { Implicit: false }) == (result.GetResult(run) is { Implicit: false }))
                result.AddError("undo takes --slot or " + MigrationIdName + ", one of them.");
            else if (result.GetResult(run) is { Implicit: false } && (result.GetResult(source) ?? result.GetResult(target)) is { Implicit: false })
                result.AddError(MigrationIdName + " takes no --source and no --target: the journal knows them.");
        });
        command.Run(async (work, redis, parsed, options, stop) => parsed.GetValue(run) is { } id
            ? await redis.PlanUndoOfMovesAsync(id, options, stop) is { } whole
                ? await work.MovesAsync(whole, options, stop)
                : await work.PlansAsync(await redis.PlanUndoOfRunAsync(id, parsed.GetValue(strategy), parsed.GetValue(allow), options, stop), "the run touched no slot", stop)
            : await work.SlotsAsync("Undo", parsed.GetValue(slot)!, number => redis.PlanUndoAsync(
                number, parsed.GetValue(source), parsed.GetValue(target), parsed.GetValue(strategy), parsed.GetValue(allow), options, stop), stop));
        return command;
    }
}
