using System.CommandLine;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Lab;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco lab wedge</c>: the runbook's stuck slot, on the running lab.</summary>
internal static class LabWedgeCommand
{
    public const int Keys = 150;

    public const int Moved = 50;

    public static Command Create(Screen screen)
    {
        var slot = new Option<int>("--slot")
        {
            Description = "Which slot.",
            HelpName = "slot",
            CustomParser = ParameterParsers.Slot,
            DefaultValueFactory = _ => LabWedge.DefaultSlot,
        };
        var keys = new Option<int>("--keys")
        {
            Description = "Keys to write into it.",
            HelpName = "number",
            CustomParser = ParameterParsers.WholeNumber("--keys", 0, 10_000_000),
            DefaultValueFactory = _ => Keys,
        };
        var moved = new Option<int>("--moved")
        {
            Description = "How many of them to move before it gets stuck.",
            HelpName = "number",
            CustomParser = ParameterParsers.WholeNumber("--moved", 0, 10_000_000),
            DefaultValueFactory = _ => Moved,
        };
        var json = JsonOption.Create();
        var command = new Command("wedge", "Leave a slot of the running lab stuck in the middle of its migration.") { slot, keys, moved, json };
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var number = parsed.GetValue(slot);
            var (count, done) = (parsed.GetValue(keys), parsed.GetValue(moved));
            if (done > count)
                throw new UsageException("--moved can't be more than --keys.");
            var lab = RunningLab.Find() ?? throw new UsageException("No lab is running.", "rco lab up");
            var endpoints = lab.Nodes.Select(node => node.Endpoint()).ToList();
            using var redis = new RedisCluster(new RedisClusterSession(endpoints, new ConnectionOptions()));
            if (await redis.GetOpenSlotsAsync([number], stop) is [{ } open])
            {
                throw new UsageException(
                    "Slot " + number.ToString(CultureInfo.InvariantCulture) + " is already " + open.State + ".",
                    "rco complete --slot " + number.ToString(CultureInfo.InvariantCulture));
            }

            await new LabWedge(new ConnectionOptions(), endpoints).WedgeAsync(slot: number, keys: count, moved: done, cancellation: stop);
            var wedged = await redis.GetOpenSlotsAsync([number], stop);
            if (parsed.GetValue(json))
                screen.JsonEach(wedged);
            else
                OpenSlotTable.Write(screen, wedged, parsed);
            return ExitStatus.Done;
        }
    }
}
