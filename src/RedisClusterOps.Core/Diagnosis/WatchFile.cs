using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Xml;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>What a watcher remembers from one look to the next, on disk: its owner's alone, written whole or not at all.</summary>
internal static class WatchFile
{
    /// <summary>All 16384 slots open take about a half of it.</summary>
    public const int LongestFile = 8 << 20;

    private const int MostSights = 40_000;
    private const int LongestName = 100_000;

    private static readonly DataContractJsonSerializer Serializer = new(typeof(WatchDocument));

    // Depth: the document, its lists, their entries, the entries' members.
    private static readonly XmlDictionaryReaderQuotas Quotas = new() { MaxDepth = 8, MaxStringContentLength = LongestFile, MaxArrayLength = LongestFile };

    /// <summary>What the last look left.</summary>
    /// <returns>The ids of the nodes it was about, and what was seen; neither where there is no file yet.</returns>
    /// <exception cref="FormatException">What is there is no memory of a watcher, or can't be read; the message says why.</exception>
    public static (IReadOnlyList<string> NodeIds, IReadOnlyList<Sight> Sights) Read(string path)
    {
        try
        {
            if (!File.Exists(path))
                return ([], []);
            var document = Parse(WholeFile.Read(path, LongestFile, "it is longer than any watcher's memory", FileShare.ReadWrite | FileShare.Delete));
            if (document.Version != WatchDocument.CurrentVersion)
                throw new FormatException("it has version " + document.Version.ToString(CultureInfo.InvariantCulture) + ", and this one reads " + WatchDocument.CurrentVersion.ToString(CultureInfo.InvariantCulture));
            if (document.NodeIds is null || document.Seen is null || document.Seen.Length > MostSights)
                throw new FormatException("it has not the parts that it should");
            return (document.NodeIds.Where(id => id is not null).ToArray(), document.Seen.Select(SightOf).ToArray());
        }
        catch (Exception failure) when (failure is not FormatException && (WholeFile.IsFileError(failure) || failure
            is SerializationException or XmlException or OverflowException or InvalidOperationException or IndexOutOfRangeException))
        {
            // What the reader of JSON says of bytes that are none speaks of XML.
            throw new FormatException(failure is IOException or UnauthorizedAccessException ? Printable.Clean(failure.Message).TrimEnd('.') : "it is not the JSON of a watcher's memory", failure);
        }
    }

    /// <summary>Whole or not at all: what was there stays until the new one is complete.</summary>
    /// <param name="keepAs">Where to keep what is there now, of which we do not know what it is; null to let it go.</param>
    /// <exception cref="RedisOperationException">StateFileUnavailable.</exception>
    public static void Write(string path, IEnumerable<string> nodeIds, IReadOnlyList<Sight> sights, DateTime now, string? keepAs)
    {
        var document = new WatchDocument { Version = WatchDocument.CurrentVersion, WrittenAt = Text(now), NodeIds = nodeIds.ToArray(), Seen = sights.Take(MostSights).Select(TroubleOf).ToArray() };
        try
        {
            WholeFile.Write(
                path,
                file =>
                {
                    Serializer.WriteObject(file, document);
                    file.WriteByte((byte)'\n');
                },
                isPrivate: true,
                keepAs);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            throw new RedisOperationException(
                FailureCode.StateFileUnavailable, "What was seen can't be written to '" + Printable.Clean(path) + "': " + Printable.Clean(failure.Message).TrimEnd('.') + ". The next look will not know of this one.", path,
                new NextAction(NextActionCode.WriteAlertState) { Node = "<a file in a folder that can be written>" }, failure);
        }
    }

    private static Sight SightOf(WatchedTrouble trouble)
    {
        if (trouble is not { Code: { Length: > 0 and < 100 } code, Target: { Length: > 0 and < LongestName } target } || trouble.KeysLeft < 0)
            throw new FormatException("an entry of it says not what it is about");
        RedisOpenSlotState? state = Enum.TryParse<RedisOpenSlotState>(trouble.State, out var known) && Enum.IsDefined(typeof(RedisOpenSlotState), known) ? known : null;
        return new Sight(code, target, Time(trouble.First) ?? throw new FormatException("an entry of it has no time"), Time(trouble.Last) ?? throw new FormatException("an entry of it has no time"))
        {
            Changed = Time(trouble.Changed),
            KeysLeft = trouble.KeysLeft,
            State = state,
            SourceId = trouble.SourceId,
            TargetId = trouble.TargetId,
        };
    }

    private static WatchedTrouble TroubleOf(Sight sight) => new()
    {
        Code = sight.Code,
        Target = sight.Target,
        First = Text(sight.First),
        Last = Text(sight.Seen),
        Changed = sight.Changed is { } changed ? Text(changed) : null,
        KeysLeft = sight.KeysLeft,
        State = sight.State?.ToString(),
        SourceId = sight.SourceId,
        TargetId = sight.TargetId,
    };

    private static string Text(DateTime time) => time.ToString("o", CultureInfo.InvariantCulture);

    private static DateTime? Time(string? text)
    {
        if (text is null)
            return null;
        return DateTime.TryParseExact(text, "o", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var time) && time.Kind == DateTimeKind.Utc
            ? time
            : throw new FormatException("'" + Printable.Clean(text, 40) + "' in it is not a time");
    }

    private static WatchDocument Parse(byte[] bytes)
    {
        // The reader takes the end of the bytes for the end of whatever is open.
        var length = bytes.Length;
        while (length > 0 && bytes[length - 1] is (byte)'\n' or (byte)'\r' or (byte)' ')
            length--;
        if (length == 0 || bytes[length - 1] != (byte)'}')
            throw new FormatException("it is empty or cut off");
        using var reader = JsonReaderWriterFactory.CreateJsonReader(bytes, 0, length, Encoding.UTF8, Quotas, null);
        return Serializer.ReadObject(reader) as WatchDocument ?? throw new FormatException("it is not the JSON of a watcher's memory");
    }
}
