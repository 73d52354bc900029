using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab.Commands;

/// <summary><c>up</c>: a cluster that runs until <c>down</c>.</summary>
internal static class UpCommand
{
    public static Command Create(LabCommandLine line)
    {
        var masters = LabCommandLine.Number(
            "--masters", "Number of masters. The last one gets no slots.", least: 2, most: 20, byDefault: 4);
        var replicas = LabCommandLine.Number("--replicas", "Number of replicas of each master.", least: 0, most: 5, byDefault: 0);
        var json = LabCommandLine.JsonOption();
        var command = new Command("up", "Start a cluster on this machine and leave it running until 'down'.") { masters, replicas, json };
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            if (LabRecord.FindRunning() is { } running)
            {
                var which = running.Server + ", " + running.Nodes[0].Endpoint();
                throw new UsageException("A lab is already running (" + which + "). End it: " + LabCommandLine.Invocation + "down");
            }

            var (masterCount, replicasEach) = (parsed.GetValue(masters), parsed.GetValue(replicas));
            var server = await line.FindServerAsync(stop);
            line.Errors.WriteLine($"starting {masterCount} masters and {masterCount * replicasEach} replicas of {server.Name}");
            var options = new LocalClusterOptions
            {
                Server = server,
                Masters = masterCount,
                Replicas = masterCount * replicasEach,
                Detached = true,
                EndsOnSignals = false,
            };
            await using var cluster = await LocalCluster.StartAsync(options, stop);
            var nodes = await NodesAsync(cluster, stop);
            if (parsed.GetValue(json))
                nodes.ForEach(line.Json);
            else
                Write(line, nodes, cluster);
            return 0;
        }
    }

    /// <summary>One node of the new cluster, as <c>--json</c> writes it.</summary>
    /// <param name="Endpoint"><c>host:port</c>.</param>
    /// <param name="Id">The node's id.</param>
    /// <param name="Role"><c>Master</c> or <c>Replica</c>.</param>
    /// <param name="Slots">Slot ranges with commas between; empty if the node owns none.</param>
    /// <param name="Master">A replica's master as <c>host:port</c>; null for a master.</param>
    private sealed record Node(string Endpoint, string Id, string Role, string Slots, string? Master);

    private static async Task<List<Node>> NodesAsync(LocalCluster cluster, CancellationToken stop)
    {
        var view = ClusterNodesParser.Parse((await cluster.Nodes[0].SendAsync(RespCommand.Of("CLUSTER", "NODES"), stop)).Text);
        return [.. cluster.Nodes.Select(node =>
        {
            var seen = view.First(other => other.Id == node.Id);
            var master = view.FirstOrDefault(other => other.Id == seen.MasterId)?.Endpoint?.ToString();
            return new Node(node.Endpoint.ToString(), node.Id, seen.IsMaster ? "Master" : "Replica", seen.Slots.ToString(), master);
        })];
    }

    private static void Write(LabCommandLine line, List<Node> nodes, LocalCluster cluster)
    {
        foreach (var node in nodes)
        {
            var detail = node.Master is { } master ? "of " + master : node.Slots.Length > 0 ? "slots " + node.Slots : "no slots";
            line.Out.WriteLine(node.Endpoint + "  " + node.Role.ToLowerInvariant() + "  " + detail);
        }

        line.Out.WriteLine(
            $"""

            Next:
              {LabCommandLine.Invocation}wedge   stop a migration of slot {LabWedge.DefaultSlot} half-way
              {LabCommandLine.Invocation}shell   open PowerShell, connected to this lab
              {LabCommandLine.Invocation}down    end the lab

            In PowerShell:
              Connect-RedisCluster {cluster.Nodes[0].Endpoint}   (not needed in 'shell')
              Get-RedisClusterHealth
              Get-RedisOpenSlot | Complete-RedisSlotMigration -WhatIf
              Get-RedisOpenSlot | Complete-RedisSlotMigration
            """);
    }
}
