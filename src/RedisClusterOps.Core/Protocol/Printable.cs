using System.Globalization;
using System.Text;

namespace RedisClusterOps.Protocol;

/// <summary>Makes text from a server safe to print: it can't move the cursor, end a line or hide anything.</summary>
internal static class Printable
{
    /// <summary>
    /// Returns the bytes unchanged if all are plain visible ASCII; otherwise in double quotes with \n, \r, \t, \", \\ and \xHH, as
    /// redis-cli writes and reads them.
    /// </summary>
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

    /// <summary>Writes control characters as \xHH and cuts the text after <paramref name="most"/> characters.</summary>
    public static string Clean(string text, int most = 500)
    {
        var cleaned = new StringBuilder();
        foreach (var c in text)
        {
            if (cleaned.Length >= most)
                return cleaned.Append('…').ToString();
            var isInvisible = char.GetUnicodeCategory(c)
                is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            if (char.IsControl(c) || isInvisible)
                cleaned.Append("\\x").Append(((int)c).ToString("x2", CultureInfo.InvariantCulture));
            else
                cleaned.Append(c);
        }

        return cleaned.ToString();
    }
}
