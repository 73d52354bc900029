using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Journal;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>
/// Saves the losing value of a conflict to a file that a Redis client can send unchanged: a RESTORE command in the Redis protocol.
/// </summary>
/// <remarks>So a value can also be restored where this module is not installed: <c>redis-cli --pipe &lt; file</c>.</remarks>
internal static class SavedValue
{
    private const string NotSaved = "it is not a value that a key conflict saved";
    private static readonly DateTime Epoch = new(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);
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
        var expiry = timeToLive is { } left ? (long)(DateTime.UtcNow - Epoch + left).TotalMilliseconds : 0;
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        // The mode is set while the file is empty: an existing folder may be open to others.
        WholeFile.RestrictToOwner(path);
        var commands = CommandsOf(database, engine, key, dump, expiry);
        await new RespWriter(file).WriteAsync(commands, CancellationToken.None).ConfigureAwait(false);
        file.Flush(flushToDisk: true);
        return path;
    }

    /// <summary>What restores the value in place of the one that won.</summary>
    public static NextAction WayBack(string path) =>
        new(NextActionCode.RestoreKey) { Node = Printable.Clean(path), Options = NextActionOptions.Replace };

    /// <summary>The same as text.</summary>
    public static string WayBackText(string path, OperationLog? log) =>
        log?.NextActionText(WayBack(path)) ?? WayBack(path).ToString();

    /// <summary>Reads a file that <see cref="WriteAsync"/> wrote. Nothing else of it reaches a server.</summary>
    /// <exception cref="RedisOperationException">SavedValueUnusable.</exception>
    public static async Task<SavedKey> ReadAsync(string path, CancellationToken cancellation)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            var reader = new RespReader(file, new RespLimits());
            var (commands, length) = (new List<IReadOnlyList<byte[]>>(), 0L);
            while (length < file.Length && commands.Count < 4)
            {
                var command = (await reader.ReadAsync(cancellation).ConfigureAwait(false)).Items.Select(item => item.Bytes).ToList();
                commands.Add(command);
                length += Header(command.Count) + command.Sum(part => Header(part.Length) + part.Length + 2);
            }

            return length == file.Length && KeyOf(path, commands) is { } key ? key : throw Unusable(path, NotSaved);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure) || failure is EndOfStreamException)
        {
            throw Unusable(path, failure is EndOfStreamException ? "it is truncated" : Printable.Clean(failure.Message).TrimEnd('.'));
        }
        catch (RedisOperationException failure) when (failure.Code is FailureCode.ProtocolError or FailureCode.ReplyTooLarge)
        {
            throw Unusable(path, NotSaved);
        }
    }

    public static RedisOperationException Unusable(string path, string why) => new(
        FailureCode.SavedValueUnusable,
        "'" + Printable.Clean(path) + "' can't be restored: " + why + ".",
        path,
        NextAction.Advise("choose a file of the folder 'conflicts' in the folder of the journal"));

    private static int Header(int number) => 3 + number.ToString(CultureInfo.InvariantCulture).Length;

    // The shapes that CommandsOf makes, and no other.
    private static SavedKey? KeyOf(string path, List<IReadOnlyList<byte[]>> commands)
    {
        var database = 0;
        if (commands.Count > 0 && IsCommand(commands[0], "SELECT", 2))
        {
            if (!TryNumber(commands[0][1], out var number) || number > ushort.MaxValue)
                return null;
            database = (int)number;
            commands.RemoveAt(0);
        }

        if (commands.Count == 1 && IsCommand(commands[0], "RESTORE", 6) && TryNumber(commands[0][2], out var expiry))
            return new SavedKey(path, database, commands[0][1], commands[0][3], TimeOf(expiry));
        if (commands.Count is not (2 or 3) || !IsCommand(commands[0], "DEL", 2) || !IsCommand(commands[1], "RESTORE", 4))
            return null;
        expiry = 0;
        return commands.Count == 2 || (IsCommand(commands[2], "PEXPIREAT", 3) && TryNumber(commands[2][2], out expiry))
            ? new SavedKey(path, database, commands[1][1], commands[1][3], TimeOf(expiry))
            : null;
    }

    private static DateTime? TimeOf(long expiry) => expiry == 0 ? null : Epoch.AddMilliseconds(expiry);

    private static bool IsCommand(IReadOnlyList<byte[]> command, string name, int length) =>
        command.Count == length && Encoding.ASCII.GetString(command[0]) == name;

    private static bool TryNumber(byte[] text, out long number) =>
        long.TryParse(Encoding.ASCII.GetString(text), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number < (DateTime.MaxValue - Epoch).TotalMilliseconds;

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

/// <summary>A saved value.</summary>
/// <param name="Path">The file.</param>
/// <param name="Database">The database of the key.</param>
/// <param name="Key">The name of the key.</param>
/// <param name="Dump">The value as RESTORE takes it.</param>
/// <param name="Expires">When the value expires, UTC; null if it does not.</param>
internal sealed record SavedKey(string Path, int Database, byte[] Key, byte[] Dump, DateTime? Expires);
