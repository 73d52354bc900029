using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Keeps the losing value of a conflict in a file that a Redis client can send as it is: a RESTORE command in the Redis protocol.</summary>
/// <remarks>So the name, the value and the expiry come back byte for byte whatever bytes are in them: <c>redis-cli --pipe &lt; file</c>.</remarks>
internal static class SavedValue
{
    private static int _number;

    /// <param name="database">Where the value was: only in a database other than 0 the file says so.</param>
    /// <param name="engine">The server that the file is for: Garnet's RESTORE knows no option.</param>
    /// <returns>The file's path, written and flushed to the disk.</returns>
    public static async Task<string> WriteAsync(JournalFolder journal, int slot, int database, ServerEngine engine, byte[] key, byte[] dump, TimeSpan? timeToLive)
    {
        journal.Create(journal.Conflicts);
        var name = string.Format(
            CultureInfo.InvariantCulture,
            "{0:yyyyMMdd'T'HHmmssfff'Z'}-slot{1}-{2}-{3}.resp",
            DateTime.UtcNow, slot, System.Diagnostics.Process.GetCurrentProcess().Id, Interlocked.Increment(ref _number));
        var path = Path.Combine(journal.Conflicts, name);
        // Absolute, so that the value does not live longer for having been away.
        var expiry = timeToLive is { } left ? (long)(DateTime.UtcNow - new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc) + left).TotalMilliseconds : 0;
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        // Before there is anything in it: the folder may have been there, open to others.
        WholeFile.RestrictToOwner(path);
        List<RespCommand> commands = database == 0 ? [] : [RespCommand.Of("SELECT", database)];
        if (engine != ServerEngine.Garnet)
            commands.Add(RespCommand.Of("RESTORE", key, expiry, dump, "REPLACE", "ABSTTL"));
        else
            commands.AddRange([RespCommand.Of("DEL", key), RespCommand.Of("RESTORE", key, 0, dump), .. expiry > 0 ? [RespCommand.Of("PEXPIREAT", key, expiry)] : Array.Empty<RespCommand>()]);
        await new RespWriter(file).WriteAsync(commands, CancellationToken.None).ConfigureAwait(false);
        file.Flush(flushToDisk: true);
        return path;
    }

    /// <summary>The command that puts the value back, once the slot is closed: it replaces what won.</summary>
    public static string RestoreCommand(ClusterNode node, string path) => string.Format(
        CultureInfo.InvariantCulture,
        "redis-cli -h {0} -p {1} --pipe < \"{2}\"",
        (node.View?.Dialled ?? node.Announced!.Value).Host, (node.View?.Dialled ?? node.Announced!.Value).Port, path);
}
