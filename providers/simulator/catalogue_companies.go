package simulator

import (
	"fmt"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
)

// registeredCompany is one business of the catalogue, as all simulated registers know it.
type registeredCompany struct {
	command.Company
	representatives []string
	size            string // 중소기업
	state, taxCode  string // of the National Tax Service
	taxName         string
	address         houseAddress
}

// trades are what companies do: the word in their name, and the industry.
var trades = [][2]string{
	{"식품", "식료품 제조업"}, {"바이오", "의약용 화합물 제조업"}, {"테크", "전자부품 제조업"}, {"소프트", "소프트웨어 개발업"},
	{"관광", "여행사업"}, {"건설", "종합 건설업"}, {"목재", "제재업"}, {"에너지", "태양력 발전업"}, {"유통", "상품 종합 도매업"},
	{"농산", "과실 및 채소 가공업"}, {"수산", "수산물 가공업"}, {"물류", "화물 운송업"}, {"디자인", "전문 디자인업"},
	{"정밀", "정밀기기 제조업"}, {"의료기", "의료용 기기 제조업"}, {"환경", "폐기물 처리업"}, {"데이터", "자료 처리업"},
	{"커피", "커피 전문점"}, {"양조", "탁주 및 약주 제조업"}, {"리조트", "휴양 콘도 운영업"},
}

var companyNames = strings.Fields("설악 소양 대관령 치악 오대산 의암 봄내 솔향 아리랑 청정 경포 청초 태백산 메밀꽃 하늘내린 백두 한울 동강 구룡 남대천 낙산 화진포 삼악 덕항")

// CompanyOf returns what the simulated registers know of a registration number:
// the same company each time, whoever asks. It reports false for numbers that
// no register knows: those of the not_registered outcome, and those that are no
// registration numbers. Representative has several names joined for some.
func CompanyOf(number string) (command.Company, bool) {
	c, ok := companyOf(number)
	return c.Company, ok
}

func companyOf(number string) (registeredCompany, bool) {
	digits, err := command.RegistrationNumber(number)
	if err != nil || OfBusiness(digits) == NotRegistered {
		return registeredCompany{}, false
	}
	seed := seedOf("company", digits)
	c := registeredCompany{state: "01", size: pickWord(seed>>3, "소기업", "중기업", "소상공인")}
	p := &places[seed>>5%uint64(len(places))]
	c.address = p.address(int(seed>>11%uint64(len(strings.Fields(p.streets)))), int(seed>>17%perStreet))
	trade := trades[seed>>23%uint64(len(trades))]
	c.representatives = []string{personName(seedOf("person", digits))}
	if seed>>29%9 == 0 {
		c.representatives = append(c.representatives, personName(seedOf("second person", digits)))
	}
	opened := time.Date(1985, 1, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(seed>>33%13000))
	c.Company = command.Company{
		RegistrationNumber: digits,
		Name:               companyNames[seed>>37%uint64(len(companyNames))] + trade[0],
		Industry:           trade[1],
		Address:            c.address.road(),
		PostalCode:         fmt.Sprintf("%05d", c.address.zip),
		Phone:              fmt.Sprintf("033-%d-%04d", 240+seed>>43%19, seed>>47%10000),
		OpenedOn:           opened.Format(time.DateOnly),
		Status:             "active",
	}
	c.classify(digits[3:5])
	if digits == sampleNumber {
		c.sample()
	}
	c.Representative = strings.Join(c.representatives, ", ")
	switch OfBusiness(digits) {
	case Suspended:
		c.state, c.Status = "02", "suspended"
	case Closed:
		c.state, c.Status, c.ClosedOn = "03", "closed", opened.AddDate(3, 1, 4).Format(time.DateOnly)
	default: // in business
	}
	c.TaxType = c.taxName
	return c, true
}

// classify reads the kind of business from digits four and five.
func (c *registeredCompany) classify(kind string) {
	c.Type, c.taxCode, c.taxName = "개인사업자", "01", "부가가치세 일반과세자"
	switch {
	case kind == "81" || kind == "86" || kind == "87" || kind == "88":
		c.Type, c.Name = "주식회사", "(주)"+c.Name
	case kind == "82":
		c.Type, c.Name, c.taxCode, c.taxName = "비영리법인", "사단법인 "+c.Name+"진흥회", "05", "고유번호가 부여된 단체"
	case kind == "83":
		c.Type, c.Name, c.taxCode, c.taxName = "국가·지방자치단체", c.address.place.name+" "+c.Name+"센터", "05", "국가기관"
	case kind >= "90":
		c.taxCode, c.taxName = "04", "부가가치세 면세사업자"
	case kind < "20":
		c.taxCode, c.taxName = "02", "부가가치세 간이과세자"
	}
}

// sampleNumber is the one of the public contract's examples.
const sampleNumber = "1248100998"

func (c *registeredCompany) sample() {
	c.Name, c.representatives, c.OpenedOn = "예시전자(주)", []string{"홍길동"}, "1969-01-13"
	c.Industry, c.size = "전자부품 제조업", "대기업"
}

func personName(seed uint64) string {
	surnames := strings.Fields("김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 전 홍")
	given := strings.Fields("민수 영희 지훈 서연 도윤 하은 준호 수빈 현우 지민 성민 유진 태현 은주 재원 미경 동혁 소영 상철 혜진 기범 나래 병철 정아 승호 보람")
	return surnames[seed%uint64(len(surnames))] + given[seed>>8%uint64(len(given))]
}
