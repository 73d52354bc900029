using System.Globalization;
using System.Text;

namespace RedisClusterOps.Protocol;

/// <summary>Bytes from a server as text that is safe to print: nothing in it moves a cursor, ends a line or hides.</summary>
internal static class Printable
{
    /// <summary>The bytes as they are where all are plain visible ASCII; otherwise in double quotes with \n, \r, \t, \", \\ and \xHH, as redis-cli writes and reads them.</summary>
    public static string Quote(byte[] bytes)
    {
        var plain = bytes.Length > 0;
        foreach (var b in bytes)
            plain &= b is > 0x20 and < 0x7F and not (byte)'"' and not (byte)'\\' and not (byte)'\'';
        if (plain)
            return Encoding.ASCII.GetString(bytes);

        var quoted = new StringBuilder("\"");
        foreach (var b in bytes)
        {
            quoted.Append(b switch
            {
                (byte)'\n' => "\\n",
                (byte)'\r' => "\\r",
                (byte)'\t' => "\\t",
                (byte)'"' => "\\\"",
                (byte)'\\' => "\\\\",
                >= 0x20 and < 0x7F => ((char)b).ToString(),
                _ => "\\x" + b.ToString("x2", CultureInfo.InvariantCulture),
            });
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>Server text with control characters written as \xHH, cut after <paramref name="most"/> characters.</summary>
    public static string Clean(string text, int most = 500)
    {
        var cleaned = new StringBuilder();
        foreach (var c in text)
        {
            if (cleaned.Length >= most)
                return cleaned.Append('…').ToString();
            if (char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
                cleaned.Append("\\x").Append(((int)c).ToString("x2", CultureInfo.InvariantCulture));
            else
                cleaned.Append(c);
        }

        return cleaned.ToString();
    }
}
