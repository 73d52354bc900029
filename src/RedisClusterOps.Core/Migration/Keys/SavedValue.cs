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

/// <summary>
/// Saves the losing value of a conflict to a file that a Redis client can send unchanged: a RESTORE command in the Redis protocol.
/// </summary>
/// <remarks><c>redis-cli --pipe &lt; file</c> restores key, value and expiry byte for byte.</remarks>
internal static class SavedValue
{
    private static int _number;

    /// <param name="database">The database of the value. The file selects it unless it is 0.</param>
    /// <param name="engine">The server that the file is for: Garnet's RESTORE has no options.</param>
    /// <returns>The path of the file, which is on the disk.</returns>
    public static async Task<string> WriteAsync(
        JournalFolder journal, int slot, int database, ServerEngine engine, byte[] key, byte[] dump, TimeSpan? timeToLive)
    {
        journal.Create(journal.Conflicts);
        var name = string.Format(
            CultureInfo.InvariantCulture,
            "{0:yyyyMMdd'T'HHmmssfff'Z'}-slot{1}-{2}-{3}.resp",
            DateTime.UtcNow, slot, System.Diagnostics.Process.GetCurrentProcess().Id, Interlocked.Increment(ref _number));
        var path = Path.Combine(journal.Conflicts, name);
        // The expiry is absolute, so that the time in the file does not prolong the key's life.
        var epoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var expiry = timeToLive is { } left ? (long)(DateTime.UtcNow - epoch + left).TotalMilliseconds : 0;
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        // The mode is set while the file is empty: an existing folder may be open to others.
        WholeFile.RestrictToOwner(path);
        var commands = CommandsOf(database, engine, key, dump, expiry);
        await new RespWriter(file).WriteAsync(commands, CancellationToken.None).ConfigureAwait(false);
        file.Flush(flushToDisk: true);
        return path;
    }

    /// <summary>The command that restores the value once the slot is closed. It replaces the value that won.</summary>
    public static string RestoreCommand(ClusterNode node, string path)
    {
        var address = node.View?.Dialled ?? node.Announced!.Value;
        return string.Format(CultureInfo.InvariantCulture, "redis-cli -h {0} -p {1} --pipe < \"{2}\"", address.Host, address.Port, path);
    }

    private static List<RespCommand> CommandsOf(int database, ServerEngine engine, byte[] key, byte[] dump, long expiry)
    {
        List<RespCommand> commands = database == 0 ? [] : [RespCommand.Of("SELECT", database)];
        if (engine != ServerEngine.Garnet)
        {
            commands.Add(RespCommand.Of("RESTORE", key, expiry, dump, "REPLACE", "ABSTTL"));
            return commands;
        }

        commands.Add(RespCommand.Of("DEL", key));
        commands.Add(RespCommand.Of("RESTORE", key, 0, dump));
        if (expiry > 0)
            commands.Add(RespCommand.Of("PEXPIREAT", key, expiry));
        return commands;
    }
}
