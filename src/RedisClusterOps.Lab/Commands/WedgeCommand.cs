using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab.Commands;

/// <summary><c>wedge</c>: stops a slot migration of the running lab half-way.</summary>
internal static class WedgeCommand
{
    private const int MostKeys = 1_000_000;

    public static Command Create(LabCommandLine line)
    {
        var slot = LabCommandLine.Number("--slot", "The slot.", least: 0, most: HashSlot.Count - 1, byDefault: LabWedge.DefaultSlot);
        var keys = LabCommandLine.Number(
            "--keys", "Number of keys to write into the slot.", least: 0, most: MostKeys, byDefault: LabWedge.DefaultKeys);
        var moved = LabCommandLine.Number(
            "--moved", "Number of these keys to move before the stop.", least: 0, most: MostKeys, byDefault: LabWedge.DefaultMoved);
        var json = LabCommandLine.JsonOption();
        var command = new Command("wedge", "Write keys into a slot of the running lab, begin to migrate the slot, and stop half-way.")
        {
            slot, keys, moved, json,
        };
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var number = parsed.GetValue(slot);
            var (written, movedKeys) = (parsed.GetValue(keys), parsed.GetValue(moved));
            if (movedKeys > written)
            {
                throw new UsageException(
                    $"--moved ({movedKeys}) can't be more than --keys ({written}). Help: {LabCommandLine.Invocation}wedge --help");
            }

            var lab = LabCommandLine.RunningLab();
            var endpoints = lab.Nodes.Select(node => node.Endpoint()).ToList();
            using var connections = new ClusterConnections(new NodeConnector(new ConnectionOptions()));
            foreach (var endpoint in endpoints)
            {
                var node = await connections.GetAsync(endpoint, stop);
                var view = ClusterNodesParser.Parse((await node.SendAsync(RespCommand.Of("CLUSTER", "NODES"), stop)).Text);
                if (view.Any(seen => seen.MigratingTo.ContainsKey(number) || seen.ImportingFrom.ContainsKey(number)))
                {
                    throw new UsageException(
                        $"Slot {number} is already open on {endpoint}. Complete it in 'shell': Complete-RedisSlotMigration -Slot {number}");
                }
            }

            var wedge = new LabWedge(new ConnectionOptions(), endpoints);
            var wedged = await wedge.WedgeAsync(slot: number, keys: written, moved: movedKeys, cancellation: stop);
            if (parsed.GetValue(json))
                line.Json(new { wedged.Slot, Source = $"{wedged.Source}", Target = $"{wedged.Target}", Keys = written, wedged.Moved });
            else
                Write(line, wedged);
            return 0;
        }
    }

    private static void Write(LabCommandLine line, WedgedSlot wedged) => line.Out.WriteLine(
        $"""
        slot {wedged.Slot} is stuck: {wedged.Keys.Count} keys written to {wedged.Source}, {wedged.Moved} of them moved to {wedged.Target}

        Next: {LabCommandLine.Invocation}shell
          Get-RedisClusterHealth
          Get-RedisOpenSlot
          Complete-RedisSlotMigration -Slot {wedged.Slot} -WhatIf
        """);
}
