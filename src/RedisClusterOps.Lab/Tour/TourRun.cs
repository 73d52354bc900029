using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab.Tour;

/// <summary>A stuck slot from diagnosis to proof, then a rebalance and its undo. The servers prove what the cmdlets did.</summary>
internal sealed class TourRun(TextWriter output, LocalCluster cluster, TourShell shell)
{
    private const string Grouped = " | Group-Object Outcome, Source, Target | Select-Object Count, Name";

    private readonly NodeEndpoint _entry = cluster.Nodes[0].Endpoint;
    private readonly LabWedge _wedge = new(new ConnectionOptions(), [cluster.Nodes[0].Endpoint]);
    private readonly SpreadKeys _spread = new(cluster.Nodes[0].Endpoint);
    private int _step;

    /// <exception cref="LabException">A cmdlet wrote an error or did not do what it should, or the servers disprove it.</exception>
    public async Task RunAsync(string module, CancellationToken stop)
    {
        Heading("A slot migration stops half-way");
        var wedged = await _wedge.WedgeAsync(cancellation: stop);
        Say($"{wedged.Keys.Count} keys were written to slot {wedged.Slot}. Its migration from {wedged.Source} to {wedged.Target}");
        Say($"began, moved {wedged.Moved} of the keys, and stopped: what an interrupted reshard leaves behind.");

        Heading("Connect and diagnose");
        await TypeAsync("Import-Module " + Relative(module), stop);
        await TypeAsync("Connect-RedisCluster " + _entry, stop);
        await TypeAsync("Test-RedisCluster", stop, "$tourOutput.Healthy", "False");
        await TypeAsync("Get-RedisOpenSlot", stop, "$tourOutput.Slot", Text(wedged.Slot));

        Heading("Preview: -WhatIf checks everything and changes nothing");
        var before = await OpenFlagsAsync(stop);
        await TypeAsync("Get-RedisOpenSlot | Complete-RedisSlotMigration -WhatIf", stop);
        Prove("the slot is open as before on both masters", await OpenFlagsAsync(stop) == before);

        Heading("Complete the migration");
        await TypeAsync("Get-RedisOpenSlot | Complete-RedisSlotMigration", stop, "$tourOutput.Outcome", "Completed");
        var owners = await OwnerMap.ReadAsync(cluster, stop);
        Prove($"every server names {wedged.Target} as the owner of slot {wedged.Slot}", owners.OwnerOf(wedged.Slot) == wedged.Target);
        await ProveKeysAsync(stop, spread: false);
        await TypeAsync("Test-RedisCluster", stop, "$tourOutput.Healthy", "True");

        Heading("Give the empty master its share");
        await _spread.WriteAsync(stop);
        Say($"{wedged.Target} owns one slot only. {SpreadKeys.Count} more keys were written, to slots of all masters.");
        await TypeAsync(
            "$moved = Invoke-RedisRebalance -UseEmptyMaster -Confirm:$false", stop, "$moved.Outcome | Sort-Object -Unique", "Moved");
        await TypeAsync("$moved" + Grouped, stop);
        var counts = (await OwnerMap.ReadAsync(cluster, stop)).Slots.Values.Select(slots => slots.Count).ToList();
        var share = HashSlot.Count / counts.Count;
        Prove($"every server reports {share} slots for each master", counts.TrueForAll(count => count == share));
        await ProveKeysAsync(stop);
        await TypeAsync("Show-RedisSlotMap", stop);

        Heading("Undo the rebalance: the journal knows every run");
        await TypeAsync("Get-RedisMigration", stop, "$tourOutput.Count", "2");
        await TypeAsync(
            "Undo-RedisSlotMigration -MigrationId $moved[0].MigrationId -OutVariable undone" + Grouped,
            stop,
            "$undone.Outcome | Sort-Object -Unique",
            "RolledBack");
        Prove("every server reports the owners from before the rebalance", (await OwnerMap.ReadAsync(cluster, stop)).Equals(owners));
        await ProveKeysAsync(stop);
        await TypeAsync("Show-RedisSlotMap", stop);
        await TypeAsync("Test-RedisCluster", stop, "$tourOutput.Healthy", "True");
    }

    private void Heading(string text)
    {
        output.WriteLine();
        Write(++_step + ". " + text, ConsoleColor.Yellow);
    }

    // What is echoed is what runs.
    private async Task TypeAsync(string line, CancellationToken stop, string expression = "", string expected = "")
    {
        Write("PS> " + line, ConsoleColor.Cyan);
        var value = await shell.RunAsync(line, expression, stop);
        if (value != expected)
            throw new LabException("'" + line + "' should give " + expected + "; it gave '" + value + "'.");
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

    // As a person in the repository's folder types it.
    private static string Relative(string folder)
    {
        var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), folder);
        var isBelow = !relative.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(relative);
        var path = isBelow ? Path.Combine(".", relative) : folder;
        return path.Contains(' ', StringComparison.Ordinal) ? "'" + path.Replace("'", "''", StringComparison.Ordinal) + "'" : path;
    }

    private static string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
