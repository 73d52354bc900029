using System.CommandLine;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco move</c>: Move-RedisSlot.</summary>
internal static class MoveCommand
{
    private const string CountName = "--count";

    private const string Description =
        "Move slots, with all their keys, to one master: slots that are named, a number of them, or all that a master has. "
        + "Clients see every key all the time.";

    public static Command Create(Screen screen)
    {
        var slot = SlotOption.Create("The slots: numbers, or ranges such as 0-99.");
        var count = new Option<int?>(CountName)
        {
            Description = "How many slots, from the sources in proportion to what they have. Without it, and without slots, all that the sources have.",
            HelpName = "slots",
            CustomParser = result => ParameterParsers.WholeNumber(CountName, 1, HashSlot.Count)(result),
        };
        var source = NodeOption.Sources("The masters that slots leave: ids, unique id prefixes or host:port; '*' for all but the target. Named slots come from whoever owns them unless told.");
        var target = NodeOption.RequiredTarget("The master that they go to");
        var command = new OperationCommand(screen, "move", Description, movesKeys: true, movesWhole: true, slot, count, source, target);
        command.Validators.Add(result =>
        {
            var (named, counted, from) = (result.GetResult(slot) is { Implicit: false }, result.GetResult(count) is { Implicit: false }, result.GetResult(source) is { Implicit: false });
            if (named == counted && named)
                result.AddError("move takes --slot or " + CountName + ", one of them.");
            else if (!named && !from)
                result.AddError("move takes --slot, or --source with or without " + CountName + ".");
        });
        command.RunMoves((redis, parsed, options, stop) => redis.PlanMoveAsync(
            new SlotSelection
            {
                Slots = parsed.GetValue(slot) is { Length: > 0 } some ? some : null,
                Count = parsed.GetValue(count),
                Sources = parsed.GetValue(source) is { Length: > 0 } sources ? sources : null,
                Target = parsed.GetValue(target)!,
            },
            options,
            stop));
        return command;
    }
}
