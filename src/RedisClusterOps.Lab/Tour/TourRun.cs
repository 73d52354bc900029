using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab.Tour;

/// <summary>
/// The steps of the tour: diagnose and complete a stuck slot migration, then rebalance and undo. Each result is verified on the servers.
/// </summary>
internal sealed class TourRun(TextWriter output, LocalCluster cluster, TourShell shell)
{
    private readonly NodeEndpoint _entry = cluster.Nodes[0].Endpoint;
    private readonly LabWedge _wedge = new(new ConnectionOptions(), [cluster.Nodes[0].Endpoint]);
    private readonly SpreadKeys _spread = new(cluster.Nodes[0].Endpoint);
    private int _step;

    /// <exception cref="LabException">A cmdlet wrote an error, or a result on the servers is not the expected one.</exception>
    public async Task RunAsync(string module, CancellationToken stop)
    {
        Heading("A slot migration stops half-way");
        var wedged = await _wedge.WedgeAsync(cancellation: stop);
        Say($"{wedged.Keys.Count} keys were written to slot {wedged.Slot}. Its migration from {wedged.Source} to {wedged.Target}");
        Say($"started, moved {wedged.Moved} of the keys, and stopped, as an interrupted reshard does.");

        Heading("Connect and diagnose");
        await TypeAsync("Import-Module " + Relative(module), stop);
        await TypeAsync("Connect-RedisCluster " + _entry, stop);
        await TypeAsync("Get-RedisClusterHealth", stop, "$tourOutput.Healthy", "False");
        await TypeAsync("Get-RedisOpenSlot", stop, "$tourOutput.Slot", Text(wedged.Slot));

        Heading("Preview the repair: -WhatIf checks everything and changes nothing");
        var before = await OpenFlagsAsync(stop);
        await TypeAsync("Get-RedisOpenSlot | Complete-RedisSlotMigration -WhatIf", stop);
        Prove("the slot is open as before on both masters", await OpenFlagsAsync(stop) == before);

        Heading("Complete the migration");
        await TypeAsync("Get-RedisOpenSlot | Complete-RedisSlotMigration", stop, "$tourOutput.Outcome", "Completed");
        var owners = await OwnerMap.ReadAsync(cluster, stop);
        Prove($"every server names {wedged.Target} as the owner of slot {wedged.Slot}", owners.OwnerOf(wedged.Slot) == wedged.Target);
        await ProveKeysAsync(stop, spread: false);
        await TypeAsync("Get-RedisClusterHealth", stop, "$tourOutput.Healthy", "True");

        Heading("Rebalance: give the empty master its share of the slots");
        await _spread.WriteAsync(stop);
        Say($"{wedged.Target} owns only one slot. {SpreadKeys.Count} more keys were written, to slots of all masters.");
        var rebalance = "Invoke-RedisRebalance -Cluster " + _entry + " -UseEmptyMaster -Confirm:$false";
        await TypeAsync("$rebalance = Start-ThreadJob { Import-Module " + Relative(module) + "; " + rebalance + " }", stop);
        Say("Meanwhile, an application on StackExchange.Redis reads and writes:");
        await TypeAsync("Measure-RedisClusterClient -Write -Duration 5s -Interval 5s", stop, "$tourOutput.LostWrites", "0");
        await TypeAsync("$moved = $rebalance | Receive-Job -Wait", stop, "$moved.Outcome | Sort-Object -Unique", "Moved");
        await TypeAsync("$moved", stop);
        var counts = (await OwnerMap.ReadAsync(cluster, stop)).Slots.Values.Select(slots => slots.Count).ToList();
        var share = HashSlot.Count / counts.Count;
        Prove($"every server reports {share} slots for each master", counts.TrueForAll(count => count == share));
        await ProveKeysAsync(stop);
        await TypeAsync("Show-RedisSlotMap", stop);

        Heading("Undo the rebalance: the journal records every run");
        await TypeAsync("Get-RedisMigration", stop, "$tourOutput.Count", "2");
        await TypeAsync(
            "Undo-RedisSlotMigration -MigrationId $moved[0].MigrationId -OutVariable undone",
            stop,
            "$undone.Outcome | Sort-Object -Unique",
            "RolledBack");
        Prove("every server reports the owners from before the rebalance", (await OwnerMap.ReadAsync(cluster, stop)).Equals(owners));
        await ProveKeysAsync(stop);
        await TypeAsync("Show-RedisSlotMap", stop);
        await TypeAsync("Get-RedisClusterHealth", stop, "$tourOutput.Healthy", "True");
    }

    private void Heading(string text)
    {
        output.WriteLine();
        Write(++_step + ". " + text, ConsoleColor.Yellow);
    }

    // The echoed line is the one that runs.
    private async Task TypeAsync(string line, CancellationToken stop, string expression = "", string expected = "")
    {
        Write("PS> " + line, ConsoleColor.Cyan);
        var value = await shell.RunAsync(line, expression, stop);
        if (value != expected)
            throw new LabException("'" + line + "' returned '" + value + "' instead of '" + expected + "'.");
    }

    private async Task ProveKeysAsync(CancellationToken stop, bool spread = true)
    {
        var written = LabWedge.DefaultKeys + (spread ? SpreadKeys.Count : 0);
        var intact = (await _wedge.ReadBackAsync(cancellation: stop)).Right + (spread ? await _spread.CountIntactAsync(stop) : 0);
        Prove($"{intact} of {written} keys read back with the value that was written", intact == written);
    }

    private void Prove(string statement, bool holds)
    {
        if (!holds)
            throw new LabException("Not proved: " + statement + ".");
        Write("proof: " + statement, ConsoleColor.Green);
    }

    private async Task<string> OpenFlagsAsync(CancellationToken stop)
    {
        var flags = string.Empty;
        foreach (var node in cluster.Nodes)
        {
            foreach (var line in ClusterNodesParser.Parse((await node.SendAsync(RespCommand.Of("CLUSTER", "NODES"), stop)).Text))
                flags += string.Concat(line.MigratingTo.Concat(line.ImportingFrom));
        }

        return flags;
    }

    private void Say(string text) => output.WriteLine(text);

    private void Write(string text, ConsoleColor color)
    {
        Console.ForegroundColor = color;
        output.WriteLine(text);
        Console.ResetColor();
    }

    // As a user in the repository's folder types it.
    private static string Relative(string folder)
    {
        var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), folder);
        var isBelow = !relative.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(relative);
        var path = isBelow ? Path.Combine(".", relative) : folder;
        return path.Contains(' ', StringComparison.Ordinal) ? "'" + path.Replace("'", "''", StringComparison.Ordinal) + "'" : path;
    }

    private static string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>The owners of all slots as the servers report them, read without the code under test.</summary>
/// <param name="Slots">The slots of each master; empty for a master without slots.</param>
internal sealed record OwnerMap(IReadOnlyDictionary<NodeEndpoint, SlotSet> Slots)
{
    /// <summary>Reads every server's own view.</summary>
    /// <exception cref="LabException">Two servers disagree, a slot is open or has no owner.</exception>
    public static async Task<OwnerMap> ReadAsync(LocalCluster cluster, CancellationToken cancellation)
    {
        OwnerMap? first = null;
        foreach (var node in cluster.Nodes)
        {
            var lines = ClusterNodesParser.Parse((await node.SendAsync(RespCommand.Of("CLUSTER", "NODES"), cancellation)).Text);
            if (lines.Any(line => line.MigratingTo.Count + line.ImportingFrom.Count > 0))
                throw new LabException(node.Endpoint + " still has an open slot.");
            var masters = lines.Where(line => line.IsMaster && line.Endpoint is not null);
            var map = new OwnerMap(masters.ToDictionary(line => line.Endpoint!.Value, line => line.Slots));
            var owned = map.Slots.Values.Sum(slots => slots.Count);
            if (owned != HashSlot.Count)
                throw new LabException(node.Endpoint + " reports owners of " + owned + " slots, not of all " + HashSlot.Count + ".");
            first ??= map;
            if (!map.Equals(first))
                throw new LabException(node.Endpoint + " and " + cluster.Nodes[0].Endpoint + " report different owners.");
        }

        return first!;
    }

    /// <summary>The owner of a slot.</summary>
    public NodeEndpoint OwnerOf(int slot) => Slots.First(master => master.Value.Contains(slot)).Key;

    /// <summary>True if every slot has the same owner in both.</summary>
    public bool Equals(OwnerMap? other) =>
        other is not null
        && Slots.Count == other.Slots.Count
        && Slots.All(master => other.Slots.TryGetValue(master.Key, out var slots) && slots.Equals(master.Value));

    public override int GetHashCode() => Slots.Count;
}

/// <summary>Keys in slots of every master, so that the rebalance has keys to move.</summary>
internal sealed class SpreadKeys(NodeEndpoint entry)
{
    public const int Count = 500;

    public async Task WriteAsync(CancellationToken cancellation)
    {
        using var client = new RedirectFollower(new NodeConnector(new ConnectionOptions()), entry);
        foreach (var key in Enumerable.Range(0, Count).Select(Name))
        {
            var command = RespCommand.Of("SET", key, LabWedge.ValueOf(key));
            (await client.AskAsync(key, command, cancellation)).OrThrow(entry, command);
        }
    }

    /// <summary>Reads the keys as an application does.</summary>
    /// <returns>The number of keys with the value that was written.</returns>
    public async Task<int> CountIntactAsync(CancellationToken cancellation)
    {
        using var client = new RedirectFollower(new NodeConnector(new ConnectionOptions()), entry);
        var intact = 0;
        foreach (var key in Enumerable.Range(0, Count).Select(Name))
        {
            var reply = await client.AskAsync(key, RespCommand.Of("GET", key), cancellation);
            intact += !reply.IsError && !reply.IsNull && reply.Text == LabWedge.ValueOf(key) ? 1 : 0;
        }

        return intact;
    }

    private static byte[] Name(int number) => Encoding.UTF8.GetBytes("order:" + number);
}
